/** Figures as people read them: three digits, SI prefixes; `–` for one that was not measured. */

const NOT_MEASURED = '–';

const PREFIXES = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const;

/** `quantity(1_234_567, 'bit/s')` is `1.23 Mbit/s`; without a unit the prefix stands alone: `1.23 M`. */
export function quantity(value: number, unit = ''): string {
  if (Number.isNaN(value)) return NOT_MEASURED;
  const [divisor, prefix] = PREFIXES.find(([divisor]) => value >= divisor) ?? ([1, ''] as const);
  return `${threeDigits(value / divisor)} ${prefix}${unit}`.trimEnd();
}

/** `1.23`, `12.3`, `123`. */
export function threeDigits(value: number): string {
  if (Number.isNaN(value)) return NOT_MEASURED;
  if (value === 0) return '0';
  const decimals = value < 10 ? 2 : value < 100 ? 1 : 0;
  return value.toFixed(decimals);
}

export function ratio(ours: number, theirs: number): string {
  const times = ours / theirs;
  return Number.isNaN(times) ? NOT_MEASURED : `${threeDigits(times)}x`;
}

export function milliseconds(value: number): string {
  if (Number.isNaN(value)) return NOT_MEASURED;
  return value < 10_000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

/** One figure in hundredths of another. */
export function percentage(part: number, whole: number): string {
  const share = (part / whole) * 100;
  return Number.isNaN(share) ? NOT_MEASURED : `${share.toFixed(0)} %`;
}

export function kibibytes(bytes: number): string {
  return bytes < 10 * 1024 * 1024
    ? `${threeDigits(bytes / 1024)} KiB`
    : `${threeDigits(bytes / 1024 / 1024)} MiB`;
}
