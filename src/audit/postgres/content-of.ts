/**
 * The content of an event stands in the partition of its day. Row security lets an index be asked only with what it can compare
 * without looking into a function: a day that is computed in the join would be compared last, after a walk through the whole
 * index of every partition, for each event. So the rows of the chain bring their day along, from below a `LIMIT` or an
 * `OFFSET`, across which the planner moves nothing.
 */

/** Columns of a chain `e`, and the day of its partition. */
export const withDay = 'e.*, left(e.time, 10) AS day';

/** A condition: `c` is the content of such a row `e`. */
export const isItsContent = 'c.day = e.day AND c.position = e.position';
