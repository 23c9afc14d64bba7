/** What a soak tells. */
export interface SoakReport {
  /** Of the fabric's process, one a second. */
  readonly residentBytes: number[];
  visits: number;
  tcpBytes: number;
  datagrams: number;
  framesSent: number;
  framesLost: number;
  hostileFrames: number;
  readonly failures: string[];
}
