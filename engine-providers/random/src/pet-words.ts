/** The words of RandomPet: short, friendly, and fit for a host name. */

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

export const ADVERBS = words(`
  ably aptly boldly bravely brightly briskly calmly cheerfully clearly cleverly coolly daily deftly eagerly easily
  evenly fairly finely firmly fondly freely gently gladly gracefully happily highly honestly kindly lightly lively
  loudly merrily mildly mostly neatly nicely nimbly openly patiently playfully politely promptly proudly purely
  quickly quietly rarely readily safely sharply shyly simply smoothly softly soundly steadily surely sweetly swiftly
  thickly tidily truly vastly vividly warmly wildly wisely
`);

export const ADJECTIVES = words(`
  able agile airy alert amber ample arctic autumn azure balmy blissful blue bold brave breezy bright brisk bronze
  calm candid careful cheery chilly civil clear clever cloudy cobalt copper coral cosy crafty crimson crisp curious
  dapper daring dawn dewy dreamy dusky eager early earnest easy elder emerald exact fabled fair fancy fearless fine
  fleet fluffy fond frank fresh friendly frosty gentle giddy gilded glad gleaming golden grand grateful green handy
  happy hardy hazel hearty helpful honest humble hushed icy indigo ivory jade jolly jovial joyful keen kind lavender
  lemon light lilac lively loyal lucky lunar maple marble mellow merry mighty mild mint misty modest mossy nimble
  noble northern olive opal open orange orderly patient peaceful peach pearly playful plucky polite prime proper
  proud purple quick quiet radiant rapid ready rosy royal ruby russet rustic saffron sandy scarlet serene sharp
  shining shy silent silver simple sincere sleek smart smooth snowy soft solar solid southern sparkling spry stable
  starry steady stellar still stormy strong sturdy sunny supple sure swift tame tawny teal tender thrifty tidy tiny
  topaz tranquil trusty upbeat upright valiant velvet verdant violet vivid warm western whimsical wild windy wintry
  wise witty woolly young zesty
`);

export const ANIMALS = words(`
  adder albatross alpaca antelope armadillo auk avocet axolotl badger barbel bat beaver bee beetle bison bittern
  blackbird boar bobcat bream brill bullfinch bunting buzzard camel caracal carp cat chaffinch chamois cheetah
  chough cicada civet cockatoo cod condor coot cormorant cougar coyote crab crane cricket crow cuckoo curlew dace
  deer dingo dipper dog dolphin donkey dormouse dove dragonfly duck dunlin eagle echidna eel egret eider elephant
  elk emu falcon ferret fieldfare finch firecrest firefly flamingo fox frog gannet gazelle gecko gerbil gibbon
  giraffe goat godwit goldcrest goldfinch goose grayling grebe grouse gull haddock hamster hare harrier hawk
  hedgehog heron herring hoopoe hornbill horse hummingbird ibex ibis iguana impala jackal jackdaw jaguar jay jerboa
  kestrel kingfisher kinkajou kite kiwi koala kudu ladybird lapwing lark lemming lemur leopard limpet linnet lion
  lizard llama lobster lynx macaw mackerel magpie mallard manatee marmot marten meerkat merlin mink mole mongoose
  moorhen moose moth mouse mullet muntjac narwhal newt nightingale numbat nuthatch ocelot octopus okapi opossum orca
  oriole oryx osprey otter owl ox oyster panda pangolin panther parrot partridge peacock pelican penguin perch
  petrel pheasant pigeon pike pipit plaice plover polecat pony porcupine porpoise puffin puma python quail quetzal
  quokka rabbit raccoon raven redstart reindeer rhino roach robin rook ruff salmon sandpiper sardine seahorse seal
  serval shark sheep shrew shrike siskin skate skua skylark sloth snail snipe sole sparrow squid squirrel starfish
  starling stilt stoat stork sturgeon swallow swan swift tamarin tapir tench tern thrush tiger toad tortoise toucan
  trout tuna turbot turtle vole wagtail wallaby walrus warbler waxwing weasel whale wheatear whimbrel whippet wigeon
  wolf wolverine wombat woodcock woodlark wren yak zebra
`);
