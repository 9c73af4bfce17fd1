import type { EditorApi } from './host.ts';
import { JoinViewElement } from './join/view.ts';

declare function acquireVsCodeApi(): EditorApi;

performance.mark('fleet:start');
document.body.append(new JoinViewElement(acquireVsCodeApi()));
