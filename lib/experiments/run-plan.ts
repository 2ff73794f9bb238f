import { basename, dirname } from 'node:path';
import { DataMissingError } from '../data/index.ts';
import {
  DivergedError,
  exitCodeOf,
  type Lock,
  type RunEvents,
  resumeRun,
  takeLock,
  trainRun,
} from '../train/index.ts';
import { isOpen, type Job, noteDiverged, stateOf } from './jobs.ts';
import { type Plan, type PlannedJob, writeBudget } from './plan.ts';

export interface RunPlanOptions extends RunEvents {
  dataDir?: string;
  device?: string;
  threads?: number | null;
  signal?: AbortSignal;
  /** Before each run that is begun or resumed. @param number from 1, of all that are to do */
  onJob?: (job: Job, number: number, of: number) => void;
}

/** How it went, and why cells have no figure yet. */
export interface PlanOutcome {
  /** The run that the signal stopped has saved itself */
  interrupted: boolean;
  exitCode: number;
  /** By experiment: its data are not here */
  missingData: Map<string, string>;
  /** Runs at which another process is at work */
  elsewhere: { job: Job; heldBy: string }[];
}

export const nothingRun = (): PlanOutcome => ({
  interrupted: false,
  exitCode: 0,
  missingData: new Map(),
  elsewhere: [],
});

/**
 * Begins or resumes every run of a plan that is not finished, one after the other, and updates the plan's states. A run
 * whose loss is no longer finite is noted as diverged; an experiment whose data are missing is passed over, and so is
 * a run that another process has in hand: the same command may be given several times at once. What such a process has
 * finished in the meantime counts as finished.
 *
 * @throws Error if another process has come to other epochs for the plan's budget since it was made
 */
export async function runPlan(plan: Plan, options: RunPlanOptions = {}): Promise<PlanOutcome> {
  if (!(await writeBudget(plan))) {
    throw new Error(
      `runPlan: plan: expected the epochs that its budget has come to, got others than in ${plan.budget?.file}: plan again`,
    );
  }
  const outcome = await runOpen(plan, options);
  for (const planned of plan.jobs) {
    if (isOpen(planned.state)) planned.state = await stateOf(planned.job);
  }
  const isDone = new Set(plan.jobs.filter(({ state }) => !isOpen(state)).map(({ job }) => job));
  return { ...outcome, elsewhere: outcome.elsewhere.filter(({ job }) => !isDone.has(job)) };
}

async function runOpen(plan: Plan, options: RunPlanOptions): Promise<PlanOutcome> {
  const { signal } = options;
  const outcome = nothingRun();
  const open = plan.jobs.filter(({ state }) => isOpen(state));
  for (const [i, planned] of open.entries()) {
    const { job } = planned;
    const { name } = job.recipe.experiment;
    if (outcome.missingData.has(name)) continue;
    const lock = await takeLock(job.folder.lock);
    if ('heldBy' in lock) {
      outcome.elsewhere.push({ job, heldBy: lock.heldBy });
      continue;
    }
    try {
      // Another process may have finished it meanwhile.
      planned.state = await stateOf(job);
      if (!isOpen(planned.state)) continue;
      options.onJob?.(job, i + 1, open.length);
      const exitCode = await runJob(planned, lock, options);
      if (exitCode !== null) return { ...outcome, interrupted: true, exitCode };
    } catch (error) {
      if (!(error instanceof DataMissingError)) throw error;
      outcome.missingData.set(name, error.message);
    } finally {
      await lock.release();
    }
    if (signal?.aborted) return { ...outcome, interrupted: true, exitCode: exitCodeOf(signal) };
  }
  return outcome;
}

/** @returns what the process should end with where the run was interrupted, else null */
async function runJob(planned: PlannedJob, lock: Lock, options: RunPlanOptions): Promise<number | null> {
  const { job, state } = planned;
  const { device, threads, dataDir } = options;
  const run = { dataDir, lock, signal: options.signal, ...events(options) };
  const where = { ...(device && { device }), ...(threads && { threads }) };
  try {
    const result =
      state.kind === 'begun'
        ? await resumeRun(job.folder.path, { ...run, ...where, data: job.config.data })
        : await trainRun(
            { ...job.config, ...where },
            {
              ...run,
              runsDir: dirname(job.folder.path),
              runName: basename(job.folder.path),
            },
          );
    if (!result.finished) return result.exitCode;
  } catch (error) {
    if (!(error instanceof DivergedError)) throw error;
    await noteDiverged(job, error);
    options.onMessage?.(`${job.folder.path}: ${error.message}`);
  }
  planned.state = await stateOf(job);
  return null;
}

const events = ({ onMessage, onStart, onProgress, onEpoch }: RunEvents): RunEvents => ({
  onMessage,
  onStart,
  onProgress,
  onEpoch,
});
