// A partner server for mayday: log-in, token info, signing, webhook. See ../README.md.
package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	tokenLife = 600 // seconds; mayday takes an hour at most
	tolerance = 300 // seconds that a notification's time may be off
	maxBody   = 64 << 10
)

var (
	appID     = setting("APP_ID", "shop")
	appSecret = setting("APP_SECRET", "")
	audience  = setting("AUDIENCE", "safety-app")
	apiKey    = setting("API_KEY", "")
	hookKeys  = strings.Fields(setting("WEBHOOK_SECRET", ""))
	userForm  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

	lock   sync.Mutex
	tokens = map[string]login{} // in your database
	heard  = map[string]bool{}  // webhook-id; in your database, with a unique index
)

type login struct {
	user     string
	iat, exp int64
}

type answer map[string]any

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// live is the log-in that a token stands for, while it lives.
func live(token string) (login, bool) {
	lock.Lock()
	defer lock.Unlock()
	known, ok := tokens[token]
	return known, ok && known.exp > time.Now().Unix()
}

// logIn is your own log-in. Each gets a token of its own; user is the same for a person for ever.
func logIn(_ *http.Request, body []byte) (int, answer) {
	var asked struct{ User string }
	if json.Unmarshal(body, &asked) != nil || !userForm.MatchString(asked.User) {
		return 400, answer{"error": "user"}
	}
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return 500, answer{"error": "no randomness"}
	}
	token := base64.RawURLEncoding.EncodeToString(random)
	now := time.Now().Unix()
	lock.Lock()
	defer lock.Unlock()
	for old, known := range tokens {
		if known.exp <= now {
			delete(tokens, old)
		}
	}
	tokens[token] = login{asked.User, now, now + tokenLife}
	return 200, answer{"user": asked.User, "token": token}
}

// tokenInfo: mayday asks what a token is. 200 means valid: whatever else is no 200.
func tokenInfo(r *http.Request, body []byte) (int, answer) {
	if apiKey != "" && subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Api-Key")), []byte(apiKey)) == 0 {
		return 401, answer{"error": "invalid_client"}
	}
	form, err := url.ParseQuery(string(body))
	if token := form.Get("token"); err != nil || token == "" {
		return 400, answer{"error": "invalid_request"}
	}
	known, ok := live(form.Get("token"))
	if !ok {
		return 401, answer{"error": "invalid_token"}
	}
	return 200, answer{"sub": known.user, "iat": known.iat, "exp": known.exp,
		"email": known.user + "@example.org", "name": known.user, "aud": audience}
}

// sign makes a user hash, for nobody but the user who is logged in.
func sign(r *http.Request, _ []byte) (int, answer) {
	known, ok := live(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	if !ok {
		return 401, answer{"error": "log in first"}
	}
	if appSecret == "" {
		return 404, answer{"error": "no APP_SECRET"}
	}
	hash := expiringUserHash(appSecret, appID, known.user, time.Now().Unix()+86400)
	if r.URL.Query().Get("kind") == "static" {
		hash = userHash(appSecret, known.user)
	}
	return 200, answer{"appId": appID, "externalUserId": known.user, "userHash": hash}
}

// webhook: the signature over the raw body first, then the body, each id once.
func webhook(r *http.Request, body []byte) (int, answer) {
	id, at := r.Header.Get("Webhook-Id"), r.Header.Get("Webhook-Timestamp")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if off := time.Now().Unix() - seconds; id == "" || err != nil || off > tolerance || off < -tolerance {
		return 400, answer{"error": "stale"}
	}
	if !signed(r.Header.Get("Webhook-Signature"), id, at, body) {
		return 401, answer{"error": "signature"}
	}
	var told struct {
		User, Title string
		Data        struct{ Type string }
	}
	if json.Unmarshal(body, &told) != nil {
		return 400, answer{"error": "malformed"}
	}
	lock.Lock()
	defer lock.Unlock()
	if heard[id] {
		fmt.Printf("webhook: again %s %s\n", told.Data.Type, told.User)
		return 204, nil
	}
	heard[id] = true
	// A type that is not known is acknowledged too: there will be more.
	if told.Data.Type == "signature.reset_failed" {
		for token, known := range tokens {
			if known.user == told.User {
				delete(tokens, token)
			}
		}
	}
	fmt.Printf("webhook: heard %s %s: %s\n", told.Data.Type, told.User, told.Title)
	return 204, nil
}

func signed(shown, id, at string, body []byte) bool {
	for _, secret := range hookKeys {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil {
			continue
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + at + "."))
		mac.Write(body)
		ours := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		for _, one := range strings.Fields(shown) {
			if hmac.Equal([]byte(one), []byte(ours)) {
				return true
			}
		}
	}
	return false
}

func route(handle func(*http.Request, []byte) (int, answer)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status, told := 405, answer{"error": "POST only"}
		if r.Method == http.MethodPost {
			status, told = 400, answer{"error": "malformed"}
			if body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err == nil {
				status, told = handle(r, body)
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		if told != nil {
			json.NewEncoder(w).Encode(told)
		}
	}
}

func main() {
	for path, handle := range map[string]func(*http.Request, []byte) (int, answer){
		"/login": logIn, "/tokeninfo": tokenInfo, "/sign": sign, "/webhook": webhook,
	} {
		http.HandleFunc(path, route(handle))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+setting("PORT", "8090"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	server := http.Server{ReadTimeout: 15 * time.Second}
	log.Fatal(server.Serve(listener))
}
