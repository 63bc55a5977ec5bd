use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// Whether a set made of these runs says the same as an obvious one, at every place.
fn check<P: Positions>(length: usize, runs: &[(usize, usize)]) -> Result<(), TestCaseError> {
    let mut expected = BTreeSet::new();
    let mut places = P::at_start(length).none();
    for (one, other) in runs {
        let (first, last) = (one.min(other) % (length + 1), one.max(other) % (length + 1));
        let (first, last) = (first.min(last), first.max(last));
        expected.extend(first..=last);
        places.insert(first, last);
    }
    for place in 0..=length {
        prop_assert_eq!(places.contains(place), expected.contains(&place), "place {}", place);
        prop_assert_eq!(places.next(place), expected.range(place..).next().copied());
    }
    prop_assert_eq!(places.next(length + 1), None);
    prop_assert_eq!(places.is_empty(), expected.is_empty());
    let single = expected.first().filter(|_| expected.len() == 1);
    prop_assert_eq!(places.single(), single.copied());
    Ok(())
}

proptest! {
    #[test]
    fn a_short_set_is_a_set(
        length in 0..=Short::MAX_LENGTH,
        runs in prop::collection::vec((0..128usize, 0..128usize), 0..4),
    ) {
        check::<Short>(length, &runs)?;
    }

    #[test]
    fn a_long_set_is_a_set(
        length in 0..600usize,
        runs in prop::collection::vec((0..600usize, 0..600usize), 0..4),
    ) {
        check::<Long>(length, &runs)?;
    }

    #[test]
    fn a_place_alone_is_single(length in 0..600usize, place in 0..600usize) {
        check::<Long>(length, &[(place, place)])?;
        check::<Short>(length.min(Short::MAX_LENGTH), &[(place, place)])?;
    }
}
