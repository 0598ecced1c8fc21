/** Groups of `kind` values that look alike: which windows are lit, how bright a street is. */

export const buildingGroup = { home: 0, office: 1, shop: 2, works: 3, civic: 4, sight: 5 } as const;

// OpenStreetMap's building values, and the words of the built-in city.
const members: Record<keyof typeof buildingGroup, string> = {
  home: 'apartments residential house detached dormitory terrace hut',
  office: 'office commercial bank skyscraper tower landmark',
  shop: 'retail hotel mall supermarket kiosk shop casino restaurant mixed mixed_use',
  sight: 'historic monument pavilion attraction castle pagoda gate',
  works: 'industrial warehouse garage garages shed service parking hangar factory carport roof construction',
  civic:
    'school university college kindergarten hospital public civic government church cathedral chapel temple mosque ' +
    'religious train_station transportation stadium museum theatre opera sports_hall sports_centre',
};

const groupByKind = new Map<string, number>(
  Object.entries(members).flatMap(([group, kinds]) =>
    kinds.split(' ').map((kind): [string, number] => [kind, buildingGroup[group as keyof typeof buildingGroup]]),
  ),
);

/** The group of a building; an unknown kind (`yes`) counts as a home, which most buildings are. */
export function groupOfBuilding(kind: string): number {
  return groupByKind.get(kind) ?? buildingGroup.home;
}

const brightnessByRoad = new Map([
  ['motorway', 1],
  ['trunk', 1],
  ['primary', 0.85],
  ['secondary', 0.7],
  ['tertiary', 0.55],
  ['unclassified', 0.38],
  ['residential', 0.34],
  ['living_street', 0.32],
  ['pedestrian', 0.4],
  ['service', 0.2],
  ['steps', 0.16],
  ['footway', 0.14],
  ['cycleway', 0.1],
  ['path', 0.08],
  ['track', 0.05],
]);

/** How bright a street is by night, 0 to 1: main roads carry lamps and cars, footways hardly any. */
export function brightnessOfRoad(kind: string): number {
  return brightnessByRoad.get(kind.replace(/_link$/, '')) ?? 0.3;
}
