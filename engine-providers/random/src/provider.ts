import { TableProvider } from "@automatos/provider-plugin";
import { randomBytesType } from "./resources/random-bytes.ts";
import { randomIdType } from "./resources/random-id.ts";
import { randomIntegerType } from "./resources/random-integer.ts";
import { randomPetType } from "./resources/random-pet.ts";
import { randomShuffleType } from "./resources/random-shuffle.ts";
import { randomPasswordType, randomStringType } from "./resources/random-string.ts";
import { randomUuid4Type, randomUuid7Type, randomUuidType } from "./resources/random-uuid.ts";

/** The version of @pulumi/random whose classes these resources are for. */
const VERSION = "4.21.2";

export function randomProvider(): TableProvider {
  return new TableProvider({
    version: VERSION,
    config: {},
    resources: {
      "random:index/randomBytes:RandomBytes": randomBytesType,
      "random:index/randomId:RandomId": randomIdType,
      "random:index/randomInteger:RandomInteger": randomIntegerType,
      "random:index/randomPassword:RandomPassword": randomPasswordType,
      "random:index/randomPet:RandomPet": randomPetType,
      "random:index/randomShuffle:RandomShuffle": randomShuffleType,
      "random:index/randomString:RandomString": randomStringType,
      "random:index/randomUuid:RandomUuid": randomUuidType,
      "random:index/randomUuid4:RandomUuid4": randomUuid4Type,
      "random:index/randomUuid7:RandomUuid7": randomUuid7Type,
    },
  });
}
