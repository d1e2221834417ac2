package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// userHash is the static user hash (docs/signing.md). The secret never leaves your server.
func userHash(secret, externalUserID string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(externalUserID))
	return hex.EncodeToString(mac.Sum(nil))
}

// expiringUserHash is the expiring user hash; expiry is in unix seconds.
func expiringUserHash(secret, appID, externalUserID string, expiry int64) string {
	message := strings.Join([]string{"", "x1", strconv.FormatInt(expiry, 10), appID, externalUserID}, "\x00")
	return fmt.Sprintf("x1.%d.%s", expiry, userHash(secret, message))
}
