import type { EngineClient } from '../../engine/client/client.ts';
import type { FleetDocument } from '../../engine/contract/documents.ts';
import { isWithin } from '../../engine/contract/namespaces.ts';
import { missingPrograms } from '../../engine/home/installed.ts';
import { FleetError } from '../../engine/errors.ts';
import type { Known } from '../../engine/language/protocol.ts';

/**
 * Reads the facts of the engine that a plan may be checked against.
 * @param named the namespaces that the open plans name; their policies are read as well
 */
export async function knownOf(client: EngineClient, named: ReadonlySet<string>): Promise<Known> {
  const [fleet, { namespaces }] = await Promise.all([
    client.report('fleet', {}),
    client.report('namespaces', {}),
  ]);
  const policies = new Map(
    await Promise.all(
      [...named]
        .filter(id => namespaces.some(namespace => namespace.id === id))
        .map(async id => [id, await policyOf(client, id)] as const),
    ),
  );
  return {
    defaultExecutor: fleet.default_executor,
    executors: fleet.executors,
    missing: await missingPrograms(fleet, process.env),
    workers: fleet.instances
      .filter(({ role }) => role === 'worker')
      .map(({ did, alias }) => ({ did, alias })),
    namespaces: namespaces.map(({ id, status, archived_by }) => ({
      id,
      status,
      archived_by,
      frozenBy: freezeOf(fleet, id),
      policy: policies.get(id) ?? null,
    })),
  };
}

/** Null for a namespace that was deleted meanwhile. */
async function policyOf(
  client: EngineClient,
  namespace: string,
): Promise<NonNullable<Known['namespaces']>[number]['policy']> {
  try {
    return await client.report('namespace.effective', { namespace });
  } catch (thrown) {
    if (FleetError.is(thrown, 'NOT_FOUND')) return null;
    throw thrown;
  }
}

function freezeOf({ freezes }: Pick<FleetDocument, 'freezes'>, id: string): string | null {
  return freezes.find(({ namespace }) => isWithin(id, namespace))?.namespace ?? null;
}
