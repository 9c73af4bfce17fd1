import type * as vscode from 'vscode';

/** The glob pattern of plans. */
export const PLAN_FILES = '**/*.fanout.{yaml,yml}';

export const isPlan = ({ uri }: { readonly uri: vscode.Uri }): boolean => /\.fanout\.ya?ml$/.test(uri.path);
