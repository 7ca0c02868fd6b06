"use strict";
// The study's page. Votes go to the server it came from, or, where there is none, into the browser until they are saved
// as a file. It asks nothing of other hosts.
(() => {
  const $ = (id) => document.getElementById(id);
  const FIXED = window.TGVAC_STUDY;
  const METHODS = Number(document.body.dataset.methods);
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));

  class Refused extends Error {}

  // ------------------------------------------------------------ where votes go
  // Both have `enter`, `form` and `vote`; each returns what comes next.

  const onServer = {
    async enter(code) { return this.post("enter", { code }); },
    async form(code, about) { return this.post("form", { code, ...about, consent: true }); },
    async vote(code, trial, choice, ms) { return this.post("vote", { code, trial, choice, ms }); },
    // Asks until there is an answer: a repeated vote changes nothing, so none is lost or doubled.
    async post(what, body) {
      for (let again = 0; ; again++) {
        let answer = null;
        try {
          answer = await fetch(`api/${what}`, {
            method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), cache: "no-store",
          });
        } catch { say("The study's computer does not answer. Trying again; please keep this page open.", true); }
        if (answer) {
          const text = await answer.text().catch(() => "");
          let found = null;
          try { found = JSON.parse(text); } catch { /* some refusals are a plain sentence */ }
          if (answer.ok && found) { say(""); return found; }
          const plain = (answer.headers.get("content-type") || "").startsWith("text/plain") && text;
          const told = found && found.detail ? found.detail : plain || `The study's computer had a problem (${answer.status}).`;
          if (answer.status < 500 && answer.status !== 429) throw new Refused(told);
          say(`${told} Trying again; please keep this page open.`, true);
        }
        await wait(Math.min(500 * 2 ** again, 5000));
      }
    },
  };

  const inBrowser = {
    key: (code) => `tgvac-${FIXED.study}-${code}`,
    // Some browsers keep nothing: in a private mode, or where a setting forbids it.
    blocked: "This browser may not keep your answers. Allow this page to store data, leave the private mode, or take another browser.",
    works() {
      try { localStorage.setItem("tgvac-try", "1"); localStorage.removeItem("tgvac-try"); return true; }
      catch { return false; }
    },
    load(code) {
      try { return JSON.parse(localStorage.getItem(this.key(code)) || "null"); }
      catch { throw new Refused(this.blocked); }
    },
    keep(code, kept) {
      try { localStorage.setItem(this.key(code), JSON.stringify(kept)); }
      catch { throw new Refused("This browser cannot keep your answers; leave its private mode, or free some space."); }
    },
    async booklet(typed) {
      const letters = typed.toUpperCase().replace(/[^A-Z0-9]/g, "");
      const code = `${letters.slice(0, 4)}-${letters.slice(4, 8)}`;
      if (!/^[A-Z0-9]{4}-[A-Z0-9]{4}$/.test(code) || letters.length !== 8) throw new Refused("This code is not known; check it, or ask the study's staff.");
      if (!FIXED.booklets[code]) {
        // As a script, because a page that was opened from a disk may not read files.
        const script = document.createElement("script");
        script.src = `booklets/${code}.js`;
        await new Promise((done) => { script.onload = script.onerror = done; document.head.append(script); });
      }
      if (!FIXED.booklets[code]) throw new Refused("This code is not known; check it, or ask the study's staff.");
      return code;
    },
    next(code) {
      const trials = FIXED.booklets[code], kept = this.load(code);
      if (!kept) return { stage: "form", code, of: trials.length };
      const voted = new Set(kept.votes.map((vote) => vote.trial));
      const left = trials.filter((trial) => !voted.has(trial.trial));
      if (!left.length) return { stage: "end", code, of: trials.length };
      return { stage: "vote", code, of: trials.length, done: voted.size, ...left[0] };
    },
    async enter(typed) { return this.next(await this.booklet(typed)); },
    async form(code, about) {
      if (!about.field) throw new Refused("Say what you study, in at most 80 characters.");
      if (!this.load(code)) this.keep(code, { format: "tgvac-answers-1", study: FIXED.study, code, ...about, consent: true, votes: [] });
      return this.next(code);
    },
    async vote(code, trial, choice, ms) {
      const kept = this.load(code);
      if (!kept.votes.some((vote) => vote.trial === trial)) {
        kept.votes.push({ trial, choice, ms });
        this.keep(code, kept);
      }
      return this.next(code);
    },
  };

  const votes = FIXED ? inBrowser : onServer;

  // ------------------------------------------------------------ videos in step

  class Loop {
    constructor(videos, frames, fps) {
      this.videos = videos; this.step = 1 / fps; this.length = frames / fps;
      this.rounds = 0; this.paused = false; this.over = false; this.rate = 1;
    }
    async start() {
      await Promise.all(this.videos.map((video) => new Promise((done, failed) => {
        if (video.readyState >= 3) return done();
        video.addEventListener("canplay", done, { once: true });
        video.addEventListener("error", () => failed(new Error("load")), { once: true });
        return undefined;
      })));
      if (this.over) return;
      await this.again();
      const tick = () => { if (!this.over) { this.look(); requestAnimationFrame(tick); } };
      requestAnimationFrame(tick);
    }
    async again() {
      this.turning = true;
      this.videos.forEach((video) => { video.pause(); video.currentTime = 0; });
      await Promise.all(this.videos.map((video) => video.seeking ? new Promise((done) => video.addEventListener("seeked", done, { once: true })) : null));
      if (!this.paused && !this.over) await this.play();
      this.turning = false;
    }
    async play() {
      this.videos.forEach((video) => { video.playbackRate = this.rate; });
      const refused = await Promise.all(this.videos.map((video) => video.play().then(() => false, (error) => error.name === "NotAllowedError")));
      // Some browsers, such as a phone's that saves power, play only what was asked for by a touch.
      if (refused.some((each) => each) && !this.over && !this.paused) { this.toggle(); this.onrefused(); }
    }
    // One turns over when all are at their end, and who is more than a frame away from the first comes back to it.
    look() {
      if (this.turning || this.paused) return;
      const first = this.videos[0];
      if (this.videos.some((video) => video.ended || video.currentTime >= this.length - this.step / 4)) { this.rounds++; this.onround(this.rounds); this.again(); return; }
      for (const video of this.videos.slice(1)) {
        if (Math.abs(video.currentTime - first.currentTime) > this.step && !video.seeking) video.currentTime = first.currentTime;
      }
    }
    toggle() {
      this.paused = !this.paused;
      if (this.paused) {
        const at = this.videos[0].currentTime;
        this.videos.forEach((video) => { video.pause(); video.currentTime = at; });
      } else this.play();
    }
    speed(rate) { this.rate = rate; this.videos.forEach((video) => { video.playbackRate = rate; }); }
    stop() { this.over = true; this.videos.forEach((video) => { video.pause(); video.removeAttribute("src"); video.load(); }); }
  }

  // ------------------------------------------------------------ pages

  let now = null;      // what votes said last
  let loop = null;
  let began = 0;       // when the first round began, by a clock that only counts up
  let marked = -1;
  let sending = false;
  let instructed = false;

  function show(page) {
    for (const id of ["welcome", "about", "how", "vote", "end"]) $(id).hidden = id !== page;
    window.scrollTo(0, 0);
    const first = { welcome: "#code", about: "#about input", how: "#begin", vote: "#ask", end: "#thanks" }[page];
    document.querySelector(first).focus({ preventScroll: true });
  }

  function say(text, fault = false) {
    for (const each of document.querySelectorAll(".fault, #status")) each.textContent = "";
    const place = document.querySelector("main:not([hidden]) .fault, main:not([hidden]) #status");
    if (!place) return;
    place.textContent = text;
    if (place.id === "status") place.classList.toggle("fault", fault);
  }

  function go(next) {
    now = next;
    try { sessionStorage.setItem("tgvac-code", next.code); } catch { /* then it is typed again */ }
    if (loop) { loop.stop(); loop = null; }
    if (next.stage === "form") { show("about"); return; }
    if (next.stage === "end") {
      $("done").textContent = `All ${next.of} of your choices are ${FIXED ? "kept in this browser" : "saved"}. You helped a lot.`;
      $("mine").textContent = next.code;
      show("end");
      return;
    }
    if (!instructed) { show("how"); return; }
    trial();
  }

  function panel(title, file, choice, number) {
    const box = document.createElement("figure");
    box.className = choice ? "panel" : "panel reference";
    const head = document.createElement("h2");
    head.textContent = title;
    const video = document.createElement("video");
    Object.assign(video, { muted: true, playsInline: true, preload: "auto", src: file, width: now.width, height: now.height, disablePictureInPicture: true });
    video.setAttribute("aria-label", title);
    box.append(head, video);
    if (choice) {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: "select", textContent: "Select", disabled: true });
      button.setAttribute("aria-label", `Select ${title}`);
      button.addEventListener("click", () => select(number));
      video.addEventListener("click", () => mark(number));
      box.append(button);
    }
    $("panels").append(box);
    return video;
  }

  async function trial() {
    show("vote");
    $("panels").replaceChildren();
    $("progress").textContent = `Video ${now.done + 1} of ${now.of}`;
    const bar = document.querySelector(".bar");
    bar.setAttribute("aria-valuemax", now.of);
    bar.setAttribute("aria-valuenow", now.done);
    bar.firstElementChild.style.width = `${100 * now.done / now.of}%`;
    marked = -1; sending = false;
    const videos = [panel("Input video", now.input)];
    if (now.truth) videos.push(panel("Ground truth", now.truth));
    now.methods.forEach((each, i) => videos.push(panel(`Method ${i + 1}`, each.video, each.choice, i)));
    $("panels").style.setProperty("--count", videos.length);
    $("panels").style.setProperty("--methods", METHODS);
    $("pause").textContent = "Pause";
    say("Loading the videos …");
    const mine = loop = new Loop(videos, now.frames, now.fps);
    if ($("slow").getAttribute("aria-pressed") === "true") mine.rate = 0.5;
    window.tgvacLoop = mine;  // the tests look at it
    mine.onround = (rounds) => {
      if (rounds === 1) { buttons().forEach((button) => { button.disabled = false; }); say(""); }
    };
    mine.onrefused = () => { $("pause").textContent = "Play"; say("Press Play to start the videos."); };
    try { await mine.start(); }
    catch {
      if (mine === loop) say("A video could not be loaded. Check the connection, then reload this page: your choices so far are kept.", true);
      return;
    }
    began = performance.now();
    if (mine === loop && !mine.rounds && !mine.paused) say("Watch once; then you can select.");
  }

  const buttons = () => [...document.querySelectorAll(".panel .select")];

  function mark(number) {
    if (number >= METHODS || sending) return;
    marked = number;
    buttons().forEach((button, i) => button.parentElement.classList.toggle("marked", i === number));
    const button = buttons()[number];
    if (button && !button.disabled) button.focus({ preventScroll: true });
  }

  async function select(number) {
    const button = buttons()[number];
    if (sending || !button || button.disabled) return;
    mark(number);
    sending = true;
    buttons().forEach((each) => { each.disabled = true; });
    button.textContent = "Saving …";
    const at = now;
    try { go(await votes.vote(at.code, at.trial, at.methods[number].choice, performance.now() - began)); }
    catch (error) {
      if (!(error instanceof Refused)) throw error;
      sending = false;
      button.textContent = "Select";
      buttons().forEach((each) => { each.disabled = false; });
      say(error.message, true);
    }
  }

  async function tried(act) {
    say("");
    try { go(await act()); }
    catch (error) { if (!(error instanceof Refused)) throw error; show(now ? "about" : "welcome"); say(error.message, true); }
  }

  $("enter").addEventListener("submit", (event) => { event.preventDefault(); tried(() => votes.enter($("code").value.trim())); });
  $("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const given = new FormData($("form"));
    tried(() => votes.form(now.code, { level: given.get("level"), field: given.get("field").trim() }));
  });
  $("begin").addEventListener("click", () => { instructed = true; if (loop) { show("vote"); loop.paused && loop.toggle(); } else trial(); });
  $("help").addEventListener("click", () => { if (loop && !loop.paused) loop.toggle(); $("pause").textContent = "Pause"; $("begin").textContent = "Back to the videos"; show("how"); });
  $("pause").addEventListener("click", () => {
    if (!loop) return;
    if (loop.paused && !loop.rounds) say("Watch once; then you can select.");
    loop.toggle();
    $("pause").textContent = loop.paused ? "Play" : "Pause";
  });
  $("slow").addEventListener("click", () => {
    const on = $("slow").getAttribute("aria-pressed") !== "true";
    $("slow").setAttribute("aria-pressed", on);
    if (loop) loop.speed(on ? 0.5 : 1);
  });
  $("another").addEventListener("click", () => { try { sessionStorage.removeItem("tgvac-code"); } catch { /* none is kept */ } location.reload(); });
  if ($("save")) $("save").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(inBrowser.load(now.code), null, 1)], { type: "application/json" }));
    link.download = `answers-${now.code}.json`;
    link.click();
  });
  document.addEventListener("keydown", (event) => {
    if ($("vote").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^[1-9]$/.test(event.key)) { mark(Number(event.key) - 1); event.preventDefault(); }
    else if (event.key === "Enter" && event.target.tagName !== "BUTTON" && marked >= 0) { select(marked); event.preventDefault(); }
    else if (event.key.toLowerCase() === "p") { $("pause").click(); event.preventDefault(); }
  });

  let before = null;
  try { before = sessionStorage.getItem("tgvac-code"); } catch { /* none is kept */ }
  if (before) { show("welcome"); $("code").value = before; tried(() => votes.enter(before)); } else show("welcome");
  if (FIXED && !inBrowser.works()) say(inBrowser.blocked, true);
})();
