/**
 * Names choose the colours, the shapes and the entries of legends: two things of one name could not be told apart.
 *
 * @param of what is named, as 'featurePlot: classes'
 * @throws RangeError if a name comes twice
 */
export function checkNames(of: string, names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new RangeError(`${of}: expected different names, got '${twice}' twice`);
}
