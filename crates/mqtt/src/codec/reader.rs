//! Reads the primitive types of MQTT from a slice.

use super::Fault;

/// What is left of a packet's body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

/// A variable byte integer at the beginning of `bytes`: its value and its
/// length in bytes; `None` when more bytes are needed.
pub(crate) fn varint(bytes: &[u8]) -> Result<Option<(usize, usize)>, Fault> {
    let mut value = 0_usize;
    for (index, &byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(Some((value, index + 1)));
        }
    }
    if bytes.len() >= 4 {
        return Err(Fault::malformed("a length of more than four bytes"));
    }
    Ok(None)
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(Fault::malformed("a field reaches beyond its packet"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Fault> {
        self.take(1).map(|bytes| bytes.iter().copied().sum())
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Fault> {
        let high = self.u8()?;
        Ok(u16::from_be_bytes([high, self.u8()?]))
    }

    /// A variable byte integer, in as few bytes as it takes (MQTT 5: 1.5.5).
    pub(crate) fn varint(&mut self) -> Result<usize, Fault> {
        let (value, length) =
            varint(self.rest)?.ok_or(Fault::malformed("a length without its end"))?;
        if length > varint_length(value) {
            return Err(Fault::malformed("a length in more bytes than it takes"));
        }
        self.take(length)?;
        Ok(value)
    }

    /// Bytes behind their length of two bytes.
    pub(crate) fn binary(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    /// Text behind its length of two bytes: UTF-8 without NUL.
    pub(crate) fn text(&mut self) -> Result<&'a str, Fault> {
        let text = std::str::from_utf8(self.binary()?)
            .map_err(|_| Fault::malformed("a text that is not UTF-8"))?;
        if text.contains('\0') {
            return Err(Fault::malformed("a text that holds NUL"));
        }
        Ok(text)
    }
}

/// In how many bytes a variable byte integer is written.
pub(crate) const fn varint_length(value: usize) -> usize {
    match value {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lengths_of_one_to_four_bytes() {
        for (bytes, expected) in [
            (&[0x00][..], Some((0, 1))),
            (&[0x7F], Some((127, 1))),
            (&[0x80, 0x01], Some((128, 2))),
            (&[0xFF, 0xFF, 0xFF, 0x7F], Some((268_435_455, 4))),
            (&[0x80], None),
            (&[0xFF, 0xFF, 0xFF], None),
            (&[], None),
        ] {
            assert_eq!(varint(bytes), Ok(expected), "{bytes:?}");
        }
        assert!(varint(&[0x80, 0x80, 0x80, 0x80]).is_err());
        assert!(varint(&[0xFF, 0xFF, 0xFF, 0xFF, 0x01]).is_err());
    }

    #[test]
    fn refuses_a_length_in_more_bytes_than_it_takes() {
        assert!(Reader::new(&[0x80, 0x00]).varint().is_err());
        assert_eq!(Reader::new(&[0x80, 0x01]).varint(), Ok(128));
    }

    #[test]
    fn refuses_text_with_nul_surrogates_and_overlong_forms() {
        for bytes in [
            &b"\0\x01\0"[..],
            b"\0\x03\xED\xA0\x80",
            b"\0\x02\xC0\xAF",
            b"\0\x05abc",
        ] {
            assert!(Reader::new(bytes).text().is_err(), "{bytes:?}");
        }
        assert_eq!(Reader::new(b"\0\x02\xC3\xBC").text(), Ok("ü"));
    }
}
