//! What an app tells its devices by country.

mod show;
