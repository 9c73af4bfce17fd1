/**
 * All suites that need a window of a trusted folder share one. The first suite needs a folder where no fleet was ever
 * used. Each other suite expects a stopped fleet, and leaves it stopped.
 */
import './window/activation.ts';
import './window/commands.ts';
import './window/kill-switch.ts';
import './window/namespaces.ts';
import './window/garbage.ts';
import './window/plans.ts';
import './window/run-plans.ts';
import './window/report.ts';
import './window/terminal.ts';
import './window/client.ts';
