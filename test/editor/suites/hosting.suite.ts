/** What needs a window that hosts the fleet shares one. Each part finds the fleet stopped, and leaves it so. */
import './hosting/commands.ts';
import './hosting/kill-switch.ts';
import './hosting/namespaces.ts';
import './hosting/garbage.ts';
import './hosting/plans.ts';
import './hosting/report.ts';
import './hosting/terminal.ts';
