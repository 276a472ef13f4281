// Package moderationv1 is the contract of the moderation service, whose worker is written in TypeScript.
package moderationv1
