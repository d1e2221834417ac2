//! Which countries a phone number can belong to, by how it begins (ITU-T E.164,
//! list of assigned country codes).
//!
//! Several countries share a code; a number then belongs to each of them. Within
//! the North American plan only those are told apart that have codes of their own:
//! messages to them cost many times more, which is what pumping lives on.

use crate::country::CountryCode;

/// Prefixes without the `+`, and the countries (ISO 3166-1 alpha-2) that use them.
/// The longest prefix that fits counts.
const ASSIGNED: &[(&str, &[&str])] = &[
    ("1", &["US", "CA"]),
    ("1242", &["BS"]),
    ("1246", &["BB"]),
    ("1264", &["AI"]),
    ("1268", &["AG"]),
    ("1284", &["VG"]),
    ("1340", &["VI"]),
    ("1345", &["KY"]),
    ("1441", &["BM"]),
    ("1473", &["GD"]),
    ("1649", &["TC"]),
    ("1658", &["JM"]),
    ("1664", &["MS"]),
    ("1670", &["MP"]),
    ("1671", &["GU"]),
    ("1684", &["AS"]),
    ("1721", &["SX"]),
    ("1758", &["LC"]),
    ("1767", &["DM"]),
    ("1784", &["VC"]),
    ("1787", &["PR"]),
    ("1809", &["DO"]),
    ("1829", &["DO"]),
    ("1849", &["DO"]),
    ("1868", &["TT"]),
    ("1869", &["KN"]),
    ("1876", &["JM"]),
    ("1939", &["PR"]),
    ("20", &["EG"]),
    ("211", &["SS"]),
    ("212", &["MA", "EH"]),
    ("213", &["DZ"]),
    ("216", &["TN"]),
    ("218", &["LY"]),
    ("220", &["GM"]),
    ("221", &["SN"]),
    ("222", &["MR"]),
    ("223", &["ML"]),
    ("224", &["GN"]),
    ("225", &["CI"]),
    ("226", &["BF"]),
    ("227", &["NE"]),
    ("228", &["TG"]),
    ("229", &["BJ"]),
    ("230", &["MU"]),
    ("231", &["LR"]),
    ("232", &["SL"]),
    ("233", &["GH"]),
    ("234", &["NG"]),
    ("235", &["TD"]),
    ("236", &["CF"]),
    ("237", &["CM"]),
    ("238", &["CV"]),
    ("239", &["ST"]),
    ("240", &["GQ"]),
    ("241", &["GA"]),
    ("242", &["CG"]),
    ("243", &["CD"]),
    ("244", &["AO"]),
    ("245", &["GW"]),
    ("246", &["IO"]),
    ("248", &["SC"]),
    ("249", &["SD"]),
    ("250", &["RW"]),
    ("251", &["ET"]),
    ("252", &["SO"]),
    ("253", &["DJ"]),
    ("254", &["KE"]),
    ("255", &["TZ"]),
    ("256", &["UG"]),
    ("257", &["BI"]),
    ("258", &["MZ"]),
    ("260", &["ZM"]),
    ("261", &["MG"]),
    ("262", &["RE", "YT"]),
    ("263", &["ZW"]),
    ("264", &["NA"]),
    ("265", &["MW"]),
    ("266", &["LS"]),
    ("267", &["BW"]),
    ("268", &["SZ"]),
    ("269", &["KM"]),
    ("27", &["ZA"]),
    ("290", &["SH"]),
    ("291", &["ER"]),
    ("297", &["AW"]),
    ("298", &["FO"]),
    ("299", &["GL"]),
    ("30", &["GR"]),
    ("31", &["NL"]),
    ("32", &["BE"]),
    ("33", &["FR"]),
    ("34", &["ES"]),
    ("350", &["GI"]),
    ("351", &["PT"]),
    ("352", &["LU"]),
    ("353", &["IE"]),
    ("354", &["IS"]),
    ("355", &["AL"]),
    ("356", &["MT"]),
    ("357", &["CY"]),
    ("358", &["FI", "AX"]),
    ("359", &["BG"]),
    ("36", &["HU"]),
    ("370", &["LT"]),
    ("371", &["LV"]),
    ("372", &["EE"]),
    ("373", &["MD"]),
    ("374", &["AM"]),
    ("375", &["BY"]),
    ("376", &["AD"]),
    ("377", &["MC"]),
    ("378", &["SM"]),
    ("380", &["UA"]),
    ("381", &["RS"]),
    ("382", &["ME"]),
    ("383", &["XK"]),
    ("385", &["HR"]),
    ("386", &["SI"]),
    ("387", &["BA"]),
    ("389", &["MK"]),
    ("39", &["IT", "VA"]),
    ("40", &["RO"]),
    ("41", &["CH"]),
    ("420", &["CZ"]),
    ("421", &["SK"]),
    ("423", &["LI"]),
    ("43", &["AT"]),
    ("44", &["GB", "GG", "IM", "JE"]),
    ("45", &["DK"]),
    ("46", &["SE"]),
    ("47", &["NO", "SJ"]),
    ("48", &["PL"]),
    ("49", &["DE"]),
    ("500", &["FK"]),
    ("501", &["BZ"]),
    ("502", &["GT"]),
    ("503", &["SV"]),
    ("504", &["HN"]),
    ("505", &["NI"]),
    ("506", &["CR"]),
    ("507", &["PA"]),
    ("508", &["PM"]),
    ("509", &["HT"]),
    ("51", &["PE"]),
    ("52", &["MX"]),
    ("53", &["CU"]),
    ("54", &["AR"]),
    ("55", &["BR"]),
    ("56", &["CL"]),
    ("57", &["CO"]),
    ("58", &["VE"]),
    ("590", &["GP", "BL", "MF"]),
    ("591", &["BO"]),
    ("592", &["GY"]),
    ("593", &["EC"]),
    ("594", &["GF"]),
    ("595", &["PY"]),
    ("596", &["MQ"]),
    ("597", &["SR"]),
    ("598", &["UY"]),
    ("599", &["BQ"]),
    ("5999", &["CW"]),
    ("60", &["MY"]),
    ("61", &["AU", "CC", "CX"]),
    ("62", &["ID"]),
    ("63", &["PH"]),
    ("64", &["NZ"]),
    ("65", &["SG"]),
    ("66", &["TH"]),
    ("670", &["TL"]),
    ("672", &["NF", "AQ"]),
    ("673", &["BN"]),
    ("674", &["NR"]),
    ("675", &["PG"]),
    ("676", &["TO"]),
    ("677", &["SB"]),
    ("678", &["VU"]),
    ("679", &["FJ"]),
    ("680", &["PW"]),
    ("681", &["WF"]),
    ("682", &["CK"]),
    ("683", &["NU"]),
    ("685", &["WS"]),
    ("686", &["KI"]),
    ("687", &["NC"]),
    ("688", &["TV"]),
    ("689", &["PF"]),
    ("690", &["TK"]),
    ("691", &["FM"]),
    ("692", &["MH"]),
    ("7", &["RU"]),
    ("76", &["KZ"]),
    ("77", &["KZ"]),
    ("81", &["JP"]),
    ("82", &["KR"]),
    ("84", &["VN"]),
    ("850", &["KP"]),
    ("852", &["HK"]),
    ("853", &["MO"]),
    ("855", &["KH"]),
    ("856", &["LA"]),
    ("86", &["CN"]),
    ("880", &["BD"]),
    ("886", &["TW"]),
    ("90", &["TR"]),
    ("91", &["IN"]),
    ("92", &["PK"]),
    ("93", &["AF"]),
    ("94", &["LK"]),
    ("95", &["MM"]),
    ("960", &["MV"]),
    ("961", &["LB"]),
    ("962", &["JO"]),
    ("963", &["SY"]),
    ("964", &["IQ"]),
    ("965", &["KW"]),
    ("966", &["SA"]),
    ("967", &["YE"]),
    ("968", &["OM"]),
    ("970", &["PS"]),
    ("971", &["AE"]),
    ("972", &["IL"]),
    ("973", &["BH"]),
    ("974", &["QA"]),
    ("975", &["BT"]),
    ("976", &["MN"]),
    ("977", &["NP"]),
    ("98", &["IR"]),
    ("992", &["TJ"]),
    ("993", &["TM"]),
    ("994", &["AZ"]),
    ("995", &["GE"]),
    ("996", &["KG"]),
    ("998", &["UZ"]),
];

/// Digits of the longest prefix.
const LONGEST: usize = 4;

/// The countries that a number can belong to; none for a code that belongs to no
/// country, such as that of satellites or of shared costs.
pub fn countries_of(e164: &str) -> &'static [&'static str] {
    let digits = e164.strip_prefix('+').unwrap_or(e164);
    (1..=LONGEST)
        .rev()
        .filter_map(|length| digits.get(..length))
        .find_map(|prefix| ASSIGNED.iter().find(|(code, _)| *code == prefix))
        .map_or(&[], |(_, countries)| countries)
}

/// Whether any code belongs to this country.
pub fn has_code(country: CountryCode) -> bool {
    let country = country.to_string();
    ASSIGNED
        .iter()
        .any(|(_, countries)| countries.contains(&country.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_decides() {
        for (number, expected) in [
            ("+34600111222", &["ES"][..]),
            ("+12125550123", &["US", "CA"]),
            ("+18765550123", &["JM"]),
            ("+447700900123", &["GB", "GG", "IM", "JE"]),
            ("+79161234567", &["RU"]),
            ("+77011234567", &["KZ"]),
            ("+59991234567", &["CW"]),
            ("+5993181234", &["BQ"]),
            // Satellites, and codes that nobody has.
            ("+881612345678", &[]),
            ("+2101234567", &[]),
            ("+", &[]),
            ("", &[]),
        ] {
            assert_eq!(countries_of(number), expected, "{number}");
        }
    }

    #[test]
    fn each_prefix_stands_there_once_and_in_order() {
        let prefixes: Vec<_> = ASSIGNED.iter().map(|(prefix, _)| *prefix).collect();
        assert!(prefixes.is_sorted() && prefixes.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(prefixes.iter().all(|prefix| prefix.len() <= LONGEST));
        for (prefix, countries) in ASSIGNED {
            for country in *countries {
                let code = CountryCode::parse(country).unwrap();
                assert_eq!(code.to_string(), *country, "{prefix}");
                assert!(has_code(code));
            }
        }
        assert!(!has_code(CountryCode::parse("ZZ").unwrap()));
    }
}
