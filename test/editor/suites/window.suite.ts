/**
 * All that needs a window of a trusted folder shares one. The first part finds a folder where nobody uses a fleet; each
 * other part finds the fleet stopped, and leaves it so.
 */
import './window/activation.ts';
import './window/commands.ts';
import './window/kill-switch.ts';
import './window/namespaces.ts';
import './window/garbage.ts';
import './window/plans.ts';
import './window/report.ts';
import './window/terminal.ts';
import './window/client.ts';
