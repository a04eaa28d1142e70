//! Names of mailboxes in modified UTF-7 (RFC 3501, 5.1.3).

use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const WORDS: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// In plain Unicode; a name that is not in modified UTF-7 stays as it is.
pub(super) fn decoded(name: &str) -> String {
    unicode(name).unwrap_or_else(|| name.to_owned())
}

fn unicode(name: &str) -> Option<String> {
    if !name.is_ascii() {
        return None;
    }
    let mut out = String::new();
    let mut rest = name;
    while let Some((plain, shifted)) = rest.split_once('&') {
        let (words, behind) = shifted.split_once('-')?;
        out.push_str(plain);
        match words {
            "" => out.push('&'),
            words => out.push_str(&utf16(words)?),
        }
        rest = behind;
    }
    out.push_str(rest);
    Some(out)
}

fn utf16(words: &str) -> Option<String> {
    let bytes = WORDS.decode(words).ok()?;
    let units: Vec<u16> =
        bytes.chunks(2).map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?))).collect::<Option<_>>()?;
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_decoded_and_what_is_no_modified_utf7_stays() {
        for (name, wanted) in [
            ("Citt&AOA-", "Città"),
            ("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),
            ("&2D3eAA-", "😀"),
            ("R&-D 100% *\"", "R&D 100% *\""),
            ("Città", "Città"),
            ("a & b", "a & b"),
            ("&AO", "&AO"),
            ("&A-", "&A-"),
            ("", ""),
        ] {
            assert_eq!(decoded(name), wanted);
        }
    }
}
