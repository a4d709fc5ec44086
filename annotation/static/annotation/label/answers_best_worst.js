/** Answers of one item, in the form that the server takes. Every change gives a new object. */

export const empty = () => ({ picks: {}, comparisons: [] });

/**
 * "best" or "worst" toggles a clip on that side; several may be jointly best or worst. Of two clips that are all
 * there is, the other one is on the other side: one key says it.
 */
export function pick(answers, dimension, clip, side, clips) {
  const now = answers.picks[dimension];
  const sides = { best: [...(now?.best ?? [])], worst: [...(now?.worst ?? [])] };
  const other = side === "best" ? "worst" : "best";
  sides[other] = sides[other].filter((id) => id !== clip);
  const before = sides[side].includes(clip);
  if (clips.length === 2) {
    if (before) return withPicks(answers, dimension, undefined);
    return withPicks(answers, dimension, { [side]: [clip], [other]: clips.filter((id) => id !== clip) });
  }
  sides[side] = before ? sides[side].filter((id) => id !== clip) : [...sides[side], clip];
  return withPicks(answers, dimension, sides.best.length || sides.worst.length ? sides : undefined);
}

/** "tie" or "cant_judge": set, or taken back if it was set. */
export function mark(answers, dimension, what) {
  return withPicks(answers, dimension, answers.picks[dimension]?.[what] ? undefined : { [what]: true });
}

export function reply(answers, question, answer) {
  const said = { dimension: question.dimension, b: question.b, w: question.w, answer };
  return { ...answers, comparisons: [...answers.comparisons, said] };
}

export function withComparisons(answers, comparisons) {
  return { ...answers, comparisons };
}

export function sideOf(answers, dimension, clip) {
  const picks = answers.picks[dimension];
  if (picks?.best?.includes(clip)) return "best";
  if (picks?.worst?.includes(clip)) return "worst";
  return "";
}

export function complete(answers, dimension) {
  const picks = answers.picks[dimension];
  return Boolean(picks && (picks.tie || picks.cant_judge || (picks.best.length && picks.worst.length)));
}

function withPicks(answers, dimension, value) {
  const picks = { ...answers.picks };
  if (value === undefined) delete picks[dimension];
  else picks[dimension] = value;
  return { ...answers, picks };
}
