import {
  buildClientSchema,
  buildSchema,
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLSchema,
  type IntrospectionQuery,
  isEnumType,
  isInputObjectType,
  isObjectType,
  isScalarType,
  isRequiredArgument,
  isRequiredInputField,
} from "graphql";

/**
 * What of our part of the schema is not so in the whole one: types, fields, arguments, input fields, their types,
 * values of enumerations, and what the whole one demands that ours does not know. Empty: it is a part.
 */
export function differences(sdl: string, introspection: IntrospectionQuery): string[] {
  const ours = buildSchema(sdl);
  const theirs = buildClientSchema(introspection);
  return Object.values(ours.getTypeMap())
    .filter(({ name }) => !name.startsWith("__"))
    .flatMap(({ name }) => differencesOfType(name, ours, theirs));
}

interface Typed {
  readonly type: { toString(): string };
}

function differencesOfType(name: string, oursSchema: GraphQLSchema, theirsSchema: GraphQLSchema): string[] {
  const ours = oursSchema.getType(name);
  const theirs = theirsSchema.getType(name);
  if (theirs === undefined) return [`${name} is not there`];
  if (isObjectType(ours) && isObjectType(theirs)) {
    return Object.values(ours.getFields()).flatMap((field) => {
      const real = theirs.getFields()[field.name];
      const place = `${name}.${field.name}`;
      if (real === undefined) return [`${place} is not there`];
      return [
        ...differentType(place, field, real),
        ...(real.deprecationReason == null ? [] : [`${place} is deprecated: ${real.deprecationReason}`]),
        ...differentInputs(place, field.args, real.args, isRequiredArgument),
      ];
    });
  }
  if (isInputObjectType(ours) && isInputObjectType(theirs)) {
    return differentInputs(
      name,
      Object.values(ours.getFields()),
      Object.values(theirs.getFields()),
      isRequiredInputField,
    );
  }
  if (isEnumType(ours) && isEnumType(theirs)) {
    const names = (type: typeof ours) =>
      type
        .getValues()
        .map((value) => value.name)
        .sort()
        .join(" ");
    return names(ours) === names(theirs) ? [] : [`${name} has other values: ${names(theirs)}`];
  }
  return isScalarType(ours) && isScalarType(theirs) ? [] : [`${name} is of another kind`];
}

const differentType = (place: string, ours: Typed, theirs: Typed): string[] =>
  ours.type.toString() === theirs.type.toString() ? [] : [`${place} is ${theirs.type.toString()}`];

function differentInputs<Input extends GraphQLArgument | GraphQLInputField>(
  place: string,
  ours: readonly Input[],
  theirs: readonly Input[],
  isRequired: (input: Input) => boolean,
): string[] {
  const known = new Set(ours.map(({ name }) => name));
  return [
    ...ours.flatMap((input) => {
      const real = theirs.find(({ name }) => name === input.name);
      return real === undefined
        ? [`${place}(${input.name}) is not there`]
        : differentType(`${place}(${input.name})`, input, real);
    }),
    ...theirs
      .filter((input) => isRequired(input) && !known.has(input.name))
      .map(({ name }) => `${place}(${name}) is demanded`),
  ];
}
