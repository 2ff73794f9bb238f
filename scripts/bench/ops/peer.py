"""PyTorch's cases of the operator benchmark; ours.mjs has the same."""

import torch


class Add:
    def __init__(self, settings):
        self.a = torch.tensor([1.0, 2.0, 3.0, 4.0])
        self.b = torch.tensor([5.0, 6.0, 7.0, 8.0])

    def run(self, iterations):
        a, b = self.a, self.b
        for _ in range(iterations):
            torch.add(a, b)


class AddAsOperator(Add):
    def run(self, iterations):
        a, b = self.a, self.b
        for _ in range(iterations):
            a + b


class Chain:
    """sum(relu(2 sigmoid((tanh(x w + b) w - b)) + 1)), and the gradients of w and b."""

    def __init__(self, settings):
        self.x = torch.tensor([1.0, 2.0, 3.0, 4.0])
        self.w = torch.tensor([0.1, -0.2, 0.3, -0.4], requires_grad=True)
        self.b = torch.tensor([0.5, 0.25, -0.5, -0.25], requires_grad=True)

    def run(self, iterations):
        x, w, b = self.x, self.w, self.b
        for _ in range(iterations):
            w.grad = None
            b.grad = None
            (((x * w + b).tanh() * w - b).sigmoid() * 2 + 1).relu().sum().backward()

    def gradient(self, argument, progress):
        self.run(1)
        return self.w.grad.tolist()


CASES = {"add": Add, "add as operator": AddAsOperator, "chain": Chain}
