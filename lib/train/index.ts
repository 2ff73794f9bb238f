/** Training, evaluation, checkpoints and run folders. */
export { loadTraining, loadWeights, saveTraining, saveWeights } from './checkpoint.ts';
export {
  autocasts,
  optimizers,
  parityNote,
  resolveConfig,
  schedules,
  selections,
  type TrainConfig,
  trainDefaults,
} from './config.ts';
export { DivergedError, type EpochOptions, meansOf, noSums, type Sums, trainEpoch } from './epoch.ts';
export {
  type Classifier,
  type EvaluateOptions,
  type Evaluation,
  evaluate,
  type IcuFigures,
} from './evaluate.ts';
export { evaluateRun, type RunEvaluation } from './evaluate-run.ts';
export { type EpochMetrics, type FitOptions, type FitState, fit, fitStart } from './fit.ts';
export { exitCodeOf, InterruptedError, interruptible } from './interrupt.ts';
export { type LoadedRun, loadRun } from './load-run.ts';
export { type Lock, takeLock } from './lock.ts';
export {
  accuracyByClass,
  type Calibration,
  type CalibrationBin,
  calibration,
  confusionMatrix,
  judge,
  noVerdicts,
  rankCorrelation,
  type ShotAccuracy,
  shotAccuracy,
  topAccuracy,
  type Verdicts,
} from './metrics.ts';
export { createOptimizer, createScheduler, type ScheduleConfig } from './optimization.ts';
export { loadPretrained, type PretrainedOptions } from './pretrained.ts';
export { type Output, Progress, type ProgressOptions } from './progress.ts';
export {
  type ResumeOptions,
  type RunEvents,
  type RunOptions,
  type RunOutcome,
  type RunStart,
  resumeRun,
  trainRun,
} from './run.ts';
export { freeRunName, type RunData, RunFolder, type RunPlace, type RunResult } from './run-folder.ts';
export {
  CheckpointError,
  decodeSafetensors,
  encodeSafetensors,
  loadSafetensors,
  type SafetensorsFile,
  saveSafetensors,
} from './safetensors.ts';
export { buildClassifier, buildTraining, requireOptimized, type Training, withClassCounts } from './setup.ts';
export { duration } from './words.ts';
