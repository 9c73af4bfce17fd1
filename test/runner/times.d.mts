export function noteTime(title: string, ms: number): void;
export function slowest(file: string, count: number): readonly string[];
