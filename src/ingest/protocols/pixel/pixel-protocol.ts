import type { Protocol } from "../protocol.ts";
import { answerGif, gifProblem } from "../transparent-gif.ts";
import { readPixel } from "./read-pixel.ts";

/** An image whose URL is an event: for mail, and for pages without scripts. */
export const pixelProtocol: Protocol = {
  name: "pixel",
  endpoints: [
    {
      path: "/v1/pixel.gif",
      methods: ["GET"],
      mediaTypes: [],
      readerOf:
        ({ url = "" }) =>
        (_body, limits) =>
          readPixel(url, limits),
      answer: answerGif,
      problemForm: gifProblem,
    },
  ],
};
