import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import { BadRequestSchema, Code, type Interceptor, StatusError } from "@codingflow/natsgrpc";

const validator = createValidator();

/** Refuses requests that break a constraint of their message, with the fields in google.rpc.BadRequest details. */
export const validate: Interceptor = async (request, context, next) => {
  const result = validator.validate(context.method.input, request);
  if (result.kind === "error") {
    throw new StatusError(Code.INTERNAL, `validate the request: ${result.error.message}`);
  }
  if (result.kind === "invalid") {
    const fieldViolations = result.violations.map((violation) => ({
      field: pathToString(violation.field),
      description: violation.message,
      reason: violation.ruleId.replaceAll(".", "_").toUpperCase(),
    }));
    const text = fieldViolations.map(({ field, description }) => (field === "" ? description : `${field}: ${description}`)).join("; ");
    throw new StatusError(Code.INVALID_ARGUMENT, text).with(BadRequestSchema, { fieldViolations });
  }
  return await next(request, context);
};
