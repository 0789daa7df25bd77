/** A duration as a person reads it: `0.4s`, `12.3s`, `2m05s`, `1h02m`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}m${twoDigits(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${twoDigits(Math.floor((whole % 3600) / 60))}m`;
}

/** Bytes in powers of 1000, as Docker writes sizes of images: `812 B`, `1.4 MB`. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** How much has arrived: `43% (120.0 MB of 279.0 MB)`; nothing while the whole is not known. */
export function share(current: number, total: number): string {
  if (total <= 0) return '';
  const percent = Math.min(100, Math.floor((current / total) * 100));
  return `${percent}% (${bytes(Math.min(current, total))} of ${bytes(total)})`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
