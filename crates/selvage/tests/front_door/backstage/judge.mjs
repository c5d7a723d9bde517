// Judges entities by the validators that Backstage publishes (npm `@backstage/catalog-model`): one line of JSON for each entity that
// is not taken, or whose kind has no validator. Entities come as JSON, one a line.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [root, file] = process.argv.slice(2);
const model = createRequire(`${root}/package.json`)('@backstage/catalog-model');
const validators = {
  API: model.apiEntityV1alpha1Validator,
  Component: model.componentEntityV1alpha1Validator,
  Domain: model.domainEntityV1alpha1Validator,
  Group: model.groupEntityV1alpha1Validator,
  Resource: model.resourceEntityV1alpha1Validator,
  System: model.systemEntityV1alpha1Validator,
};
const policies = [
  new model.SchemaValidEntityPolicy(),
  new model.FieldFormatEntityPolicy(),
  new model.NoForeignRootFieldsEntityPolicy(),
];
let taken = 0;
for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
  const entity = JSON.parse(line);
  try {
    if (!(await validators[entity.kind].check(entity))) throw new Error('another kind or version');
    for (const policy of policies) await policy.enforce(entity);
    const { spec } = entity;
    const references = [spec.owner, spec.domain, spec.system, spec.members, spec.providesApis, spec.consumesApis, spec.dependencyOf];
    for (const reference of references.flat().filter(Boolean)) model.parseEntityRef(reference);
    taken += 1;
  } catch (error) {
    console.log(JSON.stringify({ kind: entity.kind, name: entity.metadata?.name, error: String(error) }));
  }
}
console.log(JSON.stringify({ taken }));
