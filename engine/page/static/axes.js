// Scales and axes: where a value stands, and which values are written at an edge.

const STEPS = [1e3, 1e4, 1e5, 1e6, 2e6, 5e6, 1e7, 2e7, 5e7, 1e8, 2e8, 5e8, 1e9, 2e9, 5e9, 1e10, 3e10, 6e10, 3e11, 6e11, 1.8e12, 3.6e12, 1.08e13, 2.16e13, 4.32e13, 8.64e13, 1.728e14, 6.048e14, 2.592e15];

export function scale(low, high, from, to) {
  const by = high === low ? 0 : (to - from) / (high - low);
  return (value) => from + (value - low) * by;
}

export function niceSteps(low, high, most = 5) {
  if (!(high > low)) return [low];
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= rough);
  const out = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) out.push(Math.abs(v) < step * 1e-9 ? 0 : v);
  return out;
}

// What is written at each step; a text that stands there already is not written again.
export const stepWords = (steps, text) => steps.map((v, i) => (i && text(v) === text(steps[i - 1]) ? "" : text(v)));

// Round moments inside a window: offsets in ns and what is written there.
export function timeSteps(origin, low, high, most) {
  const step = STEPS.find((one) => (high - low) / one <= most) || STEPS.at(-1);
  const start = BigInt(origin);
  const whole = BigInt(step);
  let at = ((start + BigInt(Math.floor(low))) / whole + 1n) * whole;
  const out = [];
  for (; Number(at - start) <= high && out.length < 60; at += whole) {
    const iso = new Date(Number(at / 1_000_000n)).toISOString();
    const rest = String(at % 1_000_000_000n).padStart(9, "0");
    const text = step >= 8.64e13 ? iso.slice(5, 10) : step >= 6e10 ? iso.slice(11, 16)
      : step >= 1e9 ? iso.slice(11, 19) : step >= 1e6 ? `${iso.slice(17, 19)}.${rest.slice(0, 3)}` : `.${rest.slice(0, 6)}`;
    out.push([Number(at - start), step < 8.64e13 && step >= 6e10 && iso.slice(11, 16) === "00:00" ? iso.slice(5, 10) : text]);
  }
  return out;
}
