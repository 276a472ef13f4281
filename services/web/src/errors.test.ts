import { describe, expect, it } from "vitest";
import { ApiError } from "../api/client";
import { explain, isUnsettled, violations } from "./errors";

const refused = new ApiError(400, "INVALID_ARGUMENT", "user.display_name: must be at least 1 characters", [
  {
    "@type": "type.googleapis.com/google.rpc.BadRequest",
    fieldViolations: [
      { field: "user.display_name", description: "must be at least 1 characters", reason: "" },
      { field: "user.display_name", description: "a second one", reason: "" },
      { field: "email", description: "must be a valid email address.", reason: "" },
    ],
  },
  { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "INVALID_FIELDS", domain: "rating.codingflow.com" },
]);

describe("violations", () => {
  it("are told by field, the first of each", () => {
    expect(violations(refused)).toEqual({
      displayName: "Must be at least 1 characters.",
      email: "Must be a valid email address.",
    });
  });

  it("are none in other errors", () => {
    expect(violations(new ApiError(404, "NOT_FOUND", "no user"))).toEqual({});
    expect(violations(new TypeError("x"))).toEqual({});
  });
});

describe("an error", () => {
  it.each([
    [0, "UNAVAILABLE", "The server does not answer at the moment."],
    [504, "DEADLINE_EXCEEDED", "The server does not answer at the moment."],
    [429, "RESOURCE_EXHAUSTED", "The server has too much to do at the moment."],
    [401, "UNAUTHENTICATED", "You are not signed in."],
    [403, "PERMISSION_DENIED", "You may not do this."],
    [404, "NOT_FOUND", "It does not exist, or does no more."],
    [409, "ABORTED", "Somebody has changed it meanwhile."],
    [409, "ALREADY_EXISTS", "The user has rated the service."],
  ] as const)("of %i %s is explained", (httpStatus, status, want) => {
    expect(explain(new ApiError(httpStatus, status, "the user has rated the service"))).toBe(want);
  });

  it.each([
    ["NOT_OWNER", "It is not yours."],
    ["ADMINISTRATORS_ONLY", "Only an administrator may do this."],
    ["PRINCIPAL_TOO_LONG", "You may not do this."],
  ])("of PERMISSION_DENIED by %s is explained", (reason, want) => {
    const type = "type.googleapis.com/google.rpc.ErrorInfo";
    const details = [{ "@type": type, reason, domain: "rating.codingflow.com" } as const];
    expect(explain(new ApiError(403, "PERMISSION_DENIED", "services/1 is not the caller's", details))).toBe(want);
  });

  it("of the server has the request's id, by which its operators find out", () => {
    const fault = (status: "INTERNAL" | "UNKNOWN", requestId?: string) =>
      explain(new ApiError(500, status, "internal error", [], { requestId }));
    expect(fault("INTERNAL", "7c9e")).toBe("Something went wrong in the server. It knows this as request 7c9e.");
    expect(fault("UNKNOWN")).toBe("Something went wrong in the server.");
  });

  it("of the page itself is admitted", () => {
    expect(explain(new TypeError("x is undefined"))).toBe("Something went wrong in this page. Reload it.");
  });

  it.each([
    [0, true],
    [400, false],
    [404, false],
    [409, false],
    [422, false],
    [429, true],
    [499, true],
    [500, false],
    [503, true],
    [504, true],
  ])("of %i leaves open whether it has acted: %s", (httpStatus, want) => {
    expect(isUnsettled(new ApiError(httpStatus, "UNKNOWN", ""))).toBe(want);
  });
});
