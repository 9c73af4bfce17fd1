/** The text of a new `config.toml`. Every line is a comment: the file changes nothing until somebody removes a `#`. */
export const CONFIG_TEMPLATE = `# What this home's fleet goes by. It is read when a coordinator or a worker starts.

#[fleet]
#executor = "shell"             # of subtasks that name none
#slots = 1                      # attempts that a worker runs at a time
#heartbeat_interval_secs = 5
#stall_secs = 300               # when an attempt is stalled that shows no sign of life; 0 for never
#timeout_secs = 900             # the time-out of subtasks that name none; without it they have none
#stall_policy = "notify"        # or "nudge", or "end"

#[agents.reviewer]              # executor=agent:reviewer; or change a preset, such as [agents.claude]
#command = ["my-agent", "--print"]
#prompt = "stdin"               # or "file", with {prompt_file} among the words
#output = "text"                # or claude, codex, gemini, opencode, aider: whose format it speaks

#[worktree]
#dirty = "refuse"               # or "carry" or "stash": changes that are not committed when an attempt begins
#include = [".env"]             # files that git does not have, and an attempt needs
#setup = "npm ci"               # run in each new worktree first
#escape = "note"                # or "fail": an attempt in whose time the folder itself was changed
`;
