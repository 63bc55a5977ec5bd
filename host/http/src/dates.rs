//! Dates as the contract writes them (http.md section 8).

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// Local time without an offset; the fraction only when there is one.
pub(crate) fn local(at: Timestamp, zone: &TimeZone) -> String {
    let format = if at.subsec_microsecond() == 0 && at.subsec_nanosecond() < 1000 {
        "%Y-%m-%dT%H:%M:%S"
    } else {
        "%Y-%m-%dT%H:%M:%S.%6f"
    };
    at.to_zoned(zone.clone()).strftime(format).to_string()
}

/// UTC without an offset; always six digits of fraction.
pub(crate) fn utc(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string()
}

/// With the offset of UTC; the fraction only when there is one.
pub(crate) fn with_offset(at: Timestamp) -> String {
    local(at, &TimeZone::UTC) + "+00:00"
}

/// The instant that a client means; UTC where it gives no offset.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    let local = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    text.parse().ok().or_else(|| local().map(|zoned| zoned.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_time_follows_the_zone_to_the_microsecond() {
        let at: Timestamp = "2026-11-21T18:27:58.445757Z".parse().unwrap();
        let zone = wazo_auth_context::time_zone(Some("UTC+1")).unwrap();
        assert_eq!(local(at, &zone), "2026-11-21T17:27:58.445757");
        assert_eq!(utc(at), "2026-11-21T18:27:58.445757");
    }

    #[test]
    fn whole_seconds_show_a_fraction_in_utc_only() {
        let at: Timestamp = "2026-11-21T18:27:58Z".parse().unwrap();
        assert_eq!(local(at, &TimeZone::UTC), "2026-11-21T18:27:58");
        assert_eq!(utc(at), "2026-11-21T18:27:58.000000");
        assert_eq!(with_offset(at), "2026-11-21T18:27:58+00:00");
    }
}
