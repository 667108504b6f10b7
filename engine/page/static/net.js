// Asks the server on this machine.

export class Refused extends Error {}

export async function ask(view, given = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  }
  let answer;
  try {
    answer = await fetch(`/api/${view}?${query}`, { headers: { accept: "application/json" } });
  } catch {
    throw new Refused("the server does not answer: is engine ui still running?");
  }
  const found = await answer.json();
  if (!answer.ok) throw new Refused(found.error || `the server answered ${answer.status}`);
  return found;
}

// One question at a time: while one is under way only the latest of the others waits.
export function oneAtATime(work) {
  let busy = false;
  let next = null;
  return async function again(...given) {
    if (busy) {
      next = given;
      return;
    }
    busy = true;
    try {
      await work(...given);
    } finally {
      busy = false;
      if (next) {
        const waiting = next;
        next = null;
        again(...waiting);
      }
    }
  };
}
