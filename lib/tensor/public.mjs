// @ts-check
/**
 * Which operators `torch` and the tensors have. Plain JavaScript, because the script that writes the signatures goes by the
 * same rule as the calls do.
 */

/** LibTorch does not check what these are given, and some of it ends the process. There is another way to each. */
const unchecked = new Set(
  [
    'native_batch_norm', // batch_norm
    'batch_norm_update_stats',
    'native_group_norm', // group_norm
    'rrelu_with_noise', // rrelu
    'rrelu_with_noise_',
    'rrelu_with_noise_functional',
    'range', // arange, linspace
    'mkldnn_rnn_layer', // lstm, gru
    'quantized_lstm_cell', // lstm_cell and the like: these take what only Python's quantisation makes
    'quantized_gru_cell',
    'quantized_rnn_relu_cell',
    'quantized_rnn_tanh_cell',
    'fused_moving_avg_obs_fake_quant',
  ].map((name) => `aten::${name}`),
);

/**
 * Whether it is LibTorch's own, and neither private nor unchecked nor a `…_backward`: those are for autograd, which calls
 * them with what it has saved, and some end the process when they are given tensors that do not go together. Python's
 * `torch` has hardly any of them either.
 * @param {string} qualifiedName 'aten::log_softmax'
 */
export const isPublic = (qualifiedName) =>
  /^aten::[a-z]/i.test(qualifiedName) &&
  !qualifiedName.includes('_backward') &&
  !unchecked.has(qualifiedName);
