/** A file that is not what its name says. */
export class DataFileError extends Error {
  override readonly name = 'DataFileError';
}

/** A data set was neither found nor could it be downloaded. */
export class DataMissingError extends Error {
  override readonly name = 'DataMissingError';
}
