import type { Estimate, Plan } from '../experiments/index.ts';
import { duration } from '../train/words.ts';

/** How many runs there are, and how far. */
export function stateText({ table, jobs, budget }: Plan): string {
  const count = (kind: string) => jobs.filter(({ state }) => state.kind === kind).length;
  return [
    table.title,
    `  ${jobs.length} runs: ${count('done')} finished, ${count('begun')} begun, ${count('missing')} missing, ${count('diverged')} diverged`,
    ...(budget !== null && budget.seconds > budget.limit
      ? [`  one epoch of each takes about ${duration(budget.seconds)}, longer than the budget`]
      : []),
  ].join('\n');
}

/** What there is to do, with the recipes and an estimate of the time; of a figure without runs that there is nothing. */
export function planText(plan: Plan | null, estimates: readonly Estimate[]): string {
  if (plan === null) return 'it shows no runs, and takes a minute at most';
  const lines = [stateText(plan)];
  for (const { experiment, runs, epochs, pace, seconds } of estimates) {
    const images = (each: number) => `${Math.round(1 / each)} images/s`;
    lines.push(
      '',
      `${experiment.title}: ${runs} runs of ${epochs} epochs, about ${duration(seconds)} ` +
        `(training ${images(pace.train)}, evaluating ${images(pace.evaluate)})`,
      ...Object.entries(experiment.settings).map(
        ([name, { value, origin, source }]) =>
          `  ${name.padEnd(16)}${(typeof value === 'string' ? value : JSON.stringify(value)).padEnd(16)} ${origin}: ${source}`,
      ),
    );
  }
  lines.push('', ...plan.jobs.map(({ job, state }) => `${state.kind.padEnd(9)}${job.folder.path}`));
  const total = estimates.reduce((sum, { seconds }) => sum + seconds, 0);
  lines.push(
    '',
    estimates.length === 0 ? 'nothing to do' : `about ${duration(total)} in all, one run at a time`,
  );
  return lines.join('\n');
}

export const planJson = (plan: Plan | null, estimates: readonly Estimate[]): unknown => ({
  table: plan?.table.name ?? null,
  estimates: estimates.map(({ experiment, ...rest }) => ({ experiment: experiment.name, ...rest })),
  jobs: (plan?.jobs ?? []).map(({ job, state }) => ({
    run: job.folder.path,
    state: state.kind,
    config: job.config,
  })),
});
