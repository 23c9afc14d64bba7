/** A file as the tool wants it. Nothing is written: the person says where it goes. */
export interface ConfigurationFile {
  readonly path: string;
  readonly text: string;
}
