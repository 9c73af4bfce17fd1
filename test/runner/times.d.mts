export interface TestTime {
  readonly title: string;
  readonly ms: number;
  readonly error?: string;
}
export function noteTime(title: string, ms: number, error?: string): void;
export function readTimes(file: string): TestTime[];
export function failures(times: readonly TestTime[]): readonly string[];
export function slowest(times: TestTime[], count: number): readonly string[];
