/** One picture whose truth is known. */
export interface LabelledImage {
  readonly file: string;
  /** What is wrong with the part; null: nominal. */
  readonly defect: string | null;
  /** The file that shows where; null for nominal images and where nobody drew one. */
  readonly mask: string | null;
}

/** Pictures to evaluate a bank on. */
export interface LabelledSet {
  /** For titles: the folder's or file's name. */
  readonly name: string;
  readonly images: readonly LabelledImage[];
}
