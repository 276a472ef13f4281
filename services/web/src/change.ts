// Changes that the server has not confirmed yet, and what things look like with them.

export interface Resource {
  readonly name: string;
}

/** A creation has no before, a deletion no after. */
export interface Change<T> {
  readonly before?: T;
  readonly after?: T;
}

/** Says whether a resource is one that is being created: it has no name of the server's yet. */
export const isPending = (resource: Resource): boolean => resource.name.startsWith("pending/");

/** Returns what a list of the resources that match will be once the changes are made. Creations come last, as in the API. */
export function withChanges<T extends Resource>(
  items: readonly T[],
  changes: readonly Change<T>[],
  matches: (item: T) => boolean,
): readonly T[] {
  return changes.reduce((list, { before, after }) => {
    if (!before) return after && matches(after) ? list.filter((one) => one.name !== after.name).concat(after) : list;
    if (!after) return list.filter((one) => one.name !== before.name);
    return list.map((one) => (one.name === before.name ? after : one));
  }, items);
}
