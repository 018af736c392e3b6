/** Values compared, and the merge patch (RFC 7396) that makes one of the other. Pure. */

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

export function equal(a, b) {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, index) => equal(item, b[index]));
  if (isObject(a) && isObject(b)) {
    const names = Object.keys(a);
    return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && equal(a[name], b[name]));
  }
  return Object.is(a, b) || a === b;
}

/**
 * Several versions of a value, each with only what is not alike in all: of objects the members that differ, else the
 * whole.
 */
export function unlike(...versions) {
  if (!versions.every(isObject)) return versions;
  const names = new Set(versions.flatMap((version) => Object.keys(version)));
  const differ = [...names].filter((name) => versions.some((version) => !equal(version[name], versions[0][name])));
  if (differ.length === 0) return versions;
  return versions.map((version) => Object.fromEntries(differ.map((name) => [name, version[name]])));
}

/** What turns `before` into `after`: of objects only what differs, all else as a whole; null for what is gone. */
export function patchOf(before, after, whole = false) {
  if (whole || !isObject(before) || !isObject(after)) return after;
  const patch = {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (!Object.hasOwn(after, name)) patch[name] = null;
    else if (!equal(before[name], after[name])) patch[name] = patchOf(before[name], after[name]);
  }
  return patch;
}
