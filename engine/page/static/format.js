// Figures as people read them: dollars, contracts, cents, moments. What is not known is a dash.

const UNKNOWN = "–";
const grouped = new Intl.NumberFormat("en-US");
const money = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export function usd(micros) {
  if (micros === null || micros === undefined) return UNKNOWN;
  const text = `$${money.format(Math.abs(micros) / 1e6)}`;
  return micros < 0 && text !== "$0.00" ? `-${text}` : text;
}

export function count(value) {
  return value === null || value === undefined ? UNKNOWN : grouped.format(value);
}

export function contracts(lots) {
  if (lots === null || lots === undefined) return UNKNOWN;
  return new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 }).format(lots / 100);
}

export function cents(ticks) {
  if (ticks === null || ticks === undefined) return UNKNOWN;
  return ticks % 100 === 0 ? String(ticks / 100) : (ticks / 100).toFixed(ticks % 10 === 0 ? 1 : 2);
}

export function percent(share, digits = 1) {
  return share === null || share === undefined ? UNKNOWN : `${(share * 100).toFixed(digits)} %`;
}

export function figure(value) {
  if (value === null || value === undefined) return UNKNOWN;
  return Math.abs(value) < 1000 ? String(Number(value.toPrecision(4))) : grouped.format(Math.round(value));
}

export const UNITS = {
  usd, count: (value) => (value === null ? UNKNOWN : figure(value)), lots: contracts, share: percent,
  cents: (value) => (value === null ? UNKNOWN : `${value.toFixed(2)} c`),
};

// Moments: an origin in ns as text, and an offset in ns.
export function stamp(origin, offset, digits = 3) {
  return stampOf(BigInt(origin) + BigInt(Math.round(offset)), digits);
}

export function stampOf(ns, digits = 3) {
  const whole = BigInt(ns);
  const iso = new Date(Number(whole / 1_000_000n)).toISOString();
  const rest = String(((whole % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n).padStart(9, "0");
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}${digits ? `.${rest.slice(0, digits)}` : ""}`;
}

export function span(ns) {
  const seconds = ns / 1e9;
  for (const [unit, name] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]) {
    if (seconds >= 2 * unit) return `${Number((seconds / unit).toFixed(1))} ${name}`;
  }
  if (seconds >= 1) return `${seconds.toFixed(2)} s`;
  return seconds >= 1e-3 ? `${Number((seconds * 1e3).toFixed(1))} ms` : `${Number((seconds * 1e6).toFixed(1))} µs`;
}

export function ago(seconds) {
  return seconds ? new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ") : UNKNOWN;
}
