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

let token = null;

// Whatever changes something brings the token along, which a foreign page cannot know.
export async function order(given) {
  token ||= (await ask("hello")).token;
  const answer = await fetch("/api/order", { method: "POST", headers: { "content-type": "application/json", "x-touchline-token": token }, body: JSON.stringify(given) });
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
