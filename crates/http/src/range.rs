//! Which bytes of a representation a `Range` header asks for (RFC 9110, 14.2).

/// What to answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it: no range, one in another unit, several, or a malformed one.
    Whole,
    /// These, both included.
    Part {
        /// The first byte.
        first: u64,
        /// The last byte, less than the length.
        last: u64,
    },
    /// A range that lies behind the end: 416.
    Beyond,
}

/// Reads a header about a representation of `length` bytes, which is not 0.
pub(crate) fn wanted(header: Option<&str>, length: u64) -> Wanted {
    let Some(range) = header.and_then(|text| text.trim().strip_prefix("bytes=")) else {
        return Wanted::Whole;
    };
    let Some((first, last)) = range.split_once('-') else {
        return Wanted::Whole;
    };
    let end = length.saturating_sub(1);
    match (number(first), number(last)) {
        (Some(first), _) if first > end && (last.is_empty() || number(last) >= Some(first)) => {
            Wanted::Beyond
        }
        (Some(first), Some(last)) if first <= last => Wanted::Part {
            first,
            last: last.min(end),
        },
        (Some(first), None) if last.is_empty() => Wanted::Part { first, last: end },
        (None, Some(0)) if first.is_empty() => Wanted::Beyond,
        (None, Some(count)) if first.is_empty() => Wanted::Part {
            first: length.saturating_sub(count),
            last: end,
        },
        _ => Wanted::Whole,
    }
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_has_them() {
        let part = |first, last| Wanted::Part { first, last };
        for (header, expected) in [
            ("bytes=0-0", part(0, 0)),
            ("bytes=0-99", part(0, 99)),
            ("bytes=10-", part(10, 99)),
            ("bytes=10-1000", part(10, 99)),
            ("bytes=-1", part(99, 99)),
            ("bytes=-1000", part(0, 99)),
            ("bytes=100-", Wanted::Beyond),
            ("bytes=100-200", Wanted::Beyond),
            ("bytes=-0", Wanted::Beyond),
            ("bytes=5-4", Wanted::Whole),
            ("bytes=200-100", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
            ("bytes=99999999999999999999-", Wanted::Whole),
        ] {
            assert_eq!(wanted(Some(header), 100), expected, "{header}");
        }
        assert_eq!(wanted(None, 100), Wanted::Whole);
    }
}
