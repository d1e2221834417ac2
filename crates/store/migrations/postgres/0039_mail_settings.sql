-- How an app's mails look and whom they come from.
CREATE TABLE mail_branding (
    app_id         UUID NOT NULL PRIMARY KEY REFERENCES apps (id),
    -- Null: the app's own.
    app_name       TEXT,
    logo_url       TEXT,
    support_email  TEXT,
    copyright      TEXT,
    -- Null: the server's.
    sender_name    TEXT,
    sender_address TEXT,
    -- Whoever runs the app, for what goes wrong.
    owner_email    TEXT,
    -- Whether mails go out that nobody asked for: of sign-ins, of new contacts.
    notices        BOOLEAN NOT NULL,
    updated_at     BIGINT NOT NULL
);

-- Templates of an app's own, a language each; a missing part is the built-in one.
CREATE TABLE mail_templates (
    app_id     UUID NOT NULL REFERENCES apps (id),
    template   TEXT NOT NULL,
    -- BCP 47 in lower case.
    language   TEXT NOT NULL,
    subject    TEXT,
    text_part  TEXT,
    html_part  TEXT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (app_id, template, language)
);

-- From where a user has logged in, to tell a device that is new.
CREATE TABLE login_devices (
    user_id  UUID NOT NULL REFERENCES users (id),
    -- The app's id of the device, or else its name; empty when it gave neither.
    device   TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    seen_at  BIGINT NOT NULL,
    PRIMARY KEY (user_id, device)
);
