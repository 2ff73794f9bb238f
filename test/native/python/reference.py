"""The ICU loss as a PyTorch expression of the paper's formulas, with every N x K x D difference written out.

Shares nothing with native/icu and nothing of its care: softmax by logsumexp, gradients by autograd. In float64 it is
what the operators are compared with. Arguments and values are those of `icu::loss`.
"""

import math

import torch

DEFAULTS = dict(
    covariance="isotropic",
    alpha=1e-4,
    gamma=1e-3,
    gamma_mode="covariance",
    alpha_mode="distance",
    lambda_mean=0.1,
    lambda_var=0.1,
    reg_reduction="sum",
    moment_center="learned",
    moment_gradient=True,
    reduction="mean",
    ignore_index=-100,
    min_log_variance=-10.0,
    max_log_variance=10.0,
    log_determinant=True,
    lambda_likelihood=0.0,
    likelihood="gaussian",
    memory="auto",
)


def terms(features, means, log_variances, covariance, bounds=(-10.0, 10.0), log_determinant=True):
    """Q (N, K) and ln|Sigma| (K), Eq. 9's two parts, the second 0 where it is not to count."""
    s = log_variances.clamp(*bounds)
    squares = (features[:, None, :] - means[None, :, :]) ** 2
    dims = means.shape[1]
    if covariance == "diagonal":
        q, log_det = (squares / s.exp()[None]).sum(2), s.sum(1)
    else:
        q, log_det = squares.sum(2) / s.exp()[None], s * (dims if covariance == "isotropic" else 1)
    return q, log_det if log_determinant else log_det * 0


def distances(features, means, log_variances, covariance="isotropic", bounds=(-10.0, 10.0), log_determinant=True):
    q, log_det = terms(features, means, log_variances, covariance, bounds, log_determinant)
    return (q + log_det) / 2


def loss(features, labels, means, log_variances, log_prior=None, **given):
    """(classification, regularizer) in the inputs' dtype."""
    o = {**DEFAULTS, **given}
    bounds = (o["min_log_variance"], o["max_log_variance"])
    classes, dims = means.shape
    valid = labels != o["ignore_index"]
    x, z = features[valid], labels[valid].long()
    count = len(z)
    q, log_det = terms(x, means, log_variances, o["covariance"], bounds, o["log_determinant"])
    d = (q + log_det) / 2

    rows = torch.arange(count)
    q_z, log_det_z = q[rows, z], log_det[z]
    kappa = dims if o["covariance"] != "scalar" else 1
    with_gamma = {
        "covariance": log_det_z + kappa * math.log(1 + o["gamma"]),
        "determinant": log_det_z + math.log(1 + o["gamma"]),
        "logdet": (1 + o["gamma"]) * log_det_z,
    }[o["gamma_mode"]]
    d_gamma = (q_z + with_gamma) / 2
    target = {
        "distance": (1 + o["alpha"]) * d_gamma,
        "mahalanobis": d_gamma + o["alpha"] * q_z / 2,
        "positive": d_gamma + o["alpha"] * d_gamma.clamp(min=0),
    }[o["alpha_mode"]]
    logits = -torch.where(torch.nn.functional.one_hot(z, classes).bool(), target[:, None], d)
    if log_prior is not None:
        logits = logits + log_prior
    row_losses = torch.logsumexp(logits, 1) - logits[rows, z]
    if o["reduction"] == "none":
        classification = torch.zeros(len(labels), dtype=features.dtype).masked_scatter(valid, row_losses)
    else:
        classification = row_losses.sum() / (max(count, 1) if o["reduction"] == "mean" else 1)

    own = q_z + log_det_z if o["likelihood"] == "gaussian" else ((x - means[z]) ** 2).sum(1)
    regularizer = o["lambda_likelihood"] * (own / 2).sum() / max(count, 1)
    present = z.unique()
    for k in present.tolist():
        own = x[z == k]
        mean = own.mean(0)
        centre = mean if o["moment_center"] == "batch" else means[k]
        spread = ((own - centre) ** 2).mean(0)
        if o["covariance"] != "diagonal":
            spread = spread.mean() if o["covariance"] == "isotropic" else spread.sum()
        if not o["moment_gradient"]:
            mean, spread = mean.detach(), spread.detach()
        sigma2 = log_variances[k].clamp(*bounds).exp()
        weight = {"sum": 1, "classes": 1 / len(present), "samples": len(own) / max(count, 1)}[o["reg_reduction"]]
        regularizer = regularizer + weight * (
            o["lambda_mean"] * ((means[k] - mean) ** 2).sum()
            + o["lambda_var"] * ((sigma2 - spread) ** 2).sum()
        )
    return classification, regularizer
