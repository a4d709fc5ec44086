/** Answers of one Likert item, in the form that the server takes. Every change gives a new object. */

export const empty = () => ({ scores: {}, marks: [] });

/** The score of a clip in a dimension; the same again takes it back. */
export function score(said, dimension, clip, value) {
  const byClip = { ...said.scores[dimension], [clip]: value };
  if (said.scores[dimension]?.[clip] === value) delete byClip[clip];
  return { ...said, scores: { ...said.scores, [dimension]: byClip } };
}

export const scoreOf = (said, dimension, clip) => said.scores[dimension]?.[clip];

export function complete(said, dimension, clips) {
  return clips.every(({ id }) => scoreOf(said, dimension, id));
}

/** Marks with their places in the list, of one clip; of one dimension where it is named. */
export function marksOf(said, clip, dimension) {
  return said.marks
    .map((mark, place) => ({ ...mark, place }))
    .filter((mark) => mark.clip === clip && (!dimension || mark.dimension === dimension));
}

export function withMark(said, mark) {
  return { ...said, marks: [...said.marks, mark] };
}

export function withoutMark(said, place) {
  return { ...said, marks: said.marks.filter((_mark, n) => n !== place) };
}

export function changedMark(said, place, changes) {
  return { ...said, marks: said.marks.map((mark, n) => (n === place ? { ...mark, ...changes } : mark)) };
}

/** A mark with one of its ends ("from" or "to") put at a time; the other end gives way. */
export function withEnd(mark, end, seconds) {
  const other = end === "from" ? "to" : "from";
  const was = mark[other] ?? seconds;
  const moved = end === "from" ? Math.max(was, seconds) : Math.min(was, seconds);
  return { [end]: seconds, [other]: moved };
}
