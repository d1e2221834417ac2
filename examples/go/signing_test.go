package main

import (
	"encoding/json"
	"os"
	"testing"
)

func TestPublishedVectors(t *testing.T) {
	text, err := os.ReadFile("../../docs/signing-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	type vector struct {
		Secret, AppID, ExternalUserID, UserHash string
		Expiry                                  int64
	}
	var vectors struct{ Static, Expiring []vector }
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Static) <= 10 || len(vectors.Expiring) <= 10 {
		t.Fatal("vectors are missing")
	}
	for _, v := range vectors.Static {
		if made := userHash(v.Secret, v.ExternalUserID); made != v.UserHash {
			t.Errorf("%q: %s", v.ExternalUserID, made)
		}
	}
	for _, v := range vectors.Expiring {
		if made := expiringUserHash(v.Secret, v.AppID, v.ExternalUserID, v.Expiry); made != v.UserHash {
			t.Errorf("%q: %s", v.ExternalUserID, made)
		}
	}
}
