/** Where the value of a setting comes from. */
export type Origin = 'paper' | 'filled' | 'ours';

/** A value of a recipe, and who says so. */
export interface Setting<T> {
  readonly value: T;
  /** `paper`: the ICU paper states it; `filled`: from elsewhere, since the paper does not; `ours`: our own choice */
  readonly origin: Origin;
  /** The section, the publication or the repository; for our own choices the reason */
  readonly source: string;
}

/** Stated by Zhu & Yu, ICME 2021. */
export const paper = <T>(value: T, where: string): Setting<T> => ({ value, origin: 'paper', source: where });

/** Not stated there, taken from elsewhere. */
export const filled = <T>(value: T, source: string): Setting<T> => ({ value, origin: 'filled', source });

/** Not stated anywhere that binds us. */
export const ours = <T>(value: T, reason: string): Setting<T> => ({ value, origin: 'ours', source: reason });
