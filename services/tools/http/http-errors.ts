import { PlatformError } from "../../../contracts/errors.ts";

/** The server was reached, or could have been, and gave no answer. */
export class HttpRequestFailedError extends PlatformError {
  constructor(url: string, what: string, cause?: unknown) {
    super("HTTP_REQUEST_FAILED", `${url} ${what}`, {
      remedy: "Check the URL and that the server works; try again if it should.",
      status: 502,
      cause,
    });
  }
}

export class TooManyRedirectsError extends PlatformError {
  constructor(url: string, limit: number) {
    super("TOO_MANY_REDIRECTS", `${url.replace(/[?#].*$/s, "")} redirects more than ${limit} times`, {
      remedy: "Request the place that it leads to, or set followRedirects to false to see the first redirect.",
      status: 502,
    });
  }
}

export class RequestBodyNotAllowedError extends PlatformError {
  constructor(method: string) {
    super("REQUEST_BODY_NOT_ALLOWED", `a ${method} request has no body`, {
      remedy: "Use POST, PUT or PATCH, or leave the body out.",
      status: 400,
    });
  }
}
